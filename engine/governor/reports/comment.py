"""The verdict as the one comment that a pull request keeps for an environment, written over from run to run.

Its first line is hidden: `<!-- governor:prod 5f0c… -->`. Whoever posts it looks for the comment that begins with
`marker(environment)`, and leaves it alone when the whole line is the same: then so is the rest.
"""

from __future__ import annotations

from hashlib import blake2b
from urllib.parse import quote

from governor.model import Verdict
from governor.reports import Options, markdown
from governor.reports.grouping import outcome
from governor.reports.markdown import MARKS, code, text


def render(verdict: Verdict, options: Options) -> str:
    """A line when all is well; else the markdown report."""
    body = _body(verdict, options)
    return f"{marker(options.environment)}{blake2b(body.encode(), digest_size=8).hexdigest()} -->\n{body}"


def marker(environment: str) -> str:
    """How the comment of an environment begins; of no other one. The digest of the comment follows."""
    return f"<!-- governor:{quote(environment or 'default', safe='')} "


def _body(verdict: Verdict, options: Options) -> str:
    name = f" {code(options.environment)}" if options.environment else ""
    if verdict.exit_code == 0 and not (verdict.open or verdict.undetermined or verdict.gaps or verdict.notes):
        return f"{MARKS[0]} governor{name}: {text(outcome(verdict))}\n"
    return markdown.render(verdict, options).replace(" governor:", f" governor{name}:", 1)
