"""The template language of Azure Resource Manager, which templates and policies share."""
