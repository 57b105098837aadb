"""Exports of Azure Policy, read and written: definitions, initiatives, assignments, exemptions, compliance states.

`read` takes any layout, and many at once: what `az` prints, answers of Resource Manager and Resource Graph, ARM
templates, the portal's "Export definitions", Enterprise Policy as Code, and the repository of the built-in ones.
"""

from governor.sources.azure.exports.reading import read
from governor.sources.azure.exports.writing import LAYOUTS, Layout, write

__all__ = ["LAYOUTS", "Layout", "read", "write"]
