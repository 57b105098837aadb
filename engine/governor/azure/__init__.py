"""What the policies of Azure come to: beside what Azure recorded, and beside the policies here."""
