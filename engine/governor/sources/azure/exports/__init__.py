"""Exports of Azure Policy, read and written: definitions, initiatives, assignments, exemptions, compliance states."""

from governor.sources.azure.exports.writing import LAYOUTS, Layout, write

__all__ = ["LAYOUTS", "Layout", "write"]
