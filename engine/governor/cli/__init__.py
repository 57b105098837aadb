"""The command line: arguments, the clock and the exit code; nothing else. Commands are imported when they run."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

import click

from governor import __version__, log
from governor.cli import about, authoring, azure, judging, keys, past, scanning, spend
from governor.cli.shared import Governor, ReaderLeft
from governor.errors import CANNOT_JUDGE, Refusal

INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports of a program that SIGPIPE ended."""


@click.group(
    cls=Governor,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 clean · 1 open findings · 2 usage or configuration · 3 could not judge · 4 nothing judged",
)
@click.version_option(__version__, "-V", "--version", prog_name="governor", message="%(prog)s %(version)s")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar="GOVERNOR_LOG",
    show_envvar=True,
    expose_value=False,
    callback=lambda _context, _option, value: log.as_json() if value == "json" else None,
    help="What goes to stderr: lines for people, or an object a line.",
)
def cli() -> None:
    """Policy as code for AI spend: tags, budgets, data residency and API keys.

    \b
    Example:
      terraform plan -out tfplan
      terraform show -json tfplan > plan.json
      governor check plan.json
    """


for _command in (
    authoring.init,
    judging.check,
    judging.gate,
    scanning.scan,
    keys.keys,
    spend.spend,
    judging.explain,
    past.history,
    past.backtest,
    authoring.policies,
    authoring.run_tests,
    authoring.lint,
    authoring.docs,
    authoring.new,
    authoring.checkov_checks,
    authoring.bundle,
    azure.azure,
    about.schema,
    about.version,
    about.completion,
):
    cli.add_command(_command)


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.exit(_run())


def _run() -> int:
    with log.run():
        return _ended()


def _ended() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A report is UTF-8 wherever it goes; a name that no encoding holds must not end the run.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = cli.main(prog_name="governor", standalone_mode=False)
        sys.stdout.flush()
    except Refusal as refusal:
        _complain(str(refusal))
        return refusal.code
    except click.ClickException as error:
        _usage(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, ReaderLeft):
        # What is left in the buffer must not be flushed into the pipe at exit:
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except SystemExit:  # of shell completion
        raise
    except BaseException as error:  # a panic of the policy engine is no Exception
        _complain(f"this is a bug in governor ({type(error).__name__}): please report it with {_write_traceback()}")
        return CANNOT_JUDGE
    return code if isinstance(code, int) else 0


def _usage(error: click.ClickException) -> None:
    if log.is_json():
        _complain(error.format_message())
    else:
        error.show()


def _complain(message: str) -> None:
    log.say(message, "error")


def _write_traceback() -> str:
    """Name of the file that holds the traceback; the traceback itself when no file can be written."""
    import tempfile
    import traceback

    text = traceback.format_exc()
    try:
        with tempfile.NamedTemporaryFile("w", prefix="governor-", suffix=".log", delete=False, encoding="utf-8") as log:
            log.write(text)
    except OSError:
        return f"this traceback:\n{text}"
    return log.name
