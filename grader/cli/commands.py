"""Every command of ``dojo``, one family after the other, and the place where errors become sentences."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from grader.cli import (
    author,
    bank,
    console,
    face,
    grading,
    interviewing,
    listing,
    practice,
    quizzing,
    setup,
    standing,
    watch,
)

PROBLEM = 2
"""The exit code of a command that could not do what it was asked."""
INTERRUPTED = 130

_EPILOG = "Start with `dojo list`, then `dojo open` and `dojo check`. `dojo COMMAND --help` explains each."


class Commands(click.Group):
    """The commands, with a guess for one that was mistyped."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which one was probably meant."""
        if self.get_command(ctx, args[0]) is None:
            raise click.UsageError(
                f"There is no command `{args[0]}`{_guess(args[0], self.list_commands(ctx))}"
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@click.version_option(package_name="cv-dojo", message="cv-dojo %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Practise for computer-vision interviews: small PyTorch katas, graded in the terminal.

    Without a command, opens the app.
    """
    if ctx.invoked_subcommand is None:
        face.open_app()


for family in (listing, grading, watch, practice, quizzing, standing, interviewing, setup, author, bank):
    for command in family.COMMANDS:
        cli.add_command(command)


def run(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing it raises gets through."""
    try:
        code = cli.main(args=args, prog_name="dojo", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return PROBLEM
    except click.UsageError as error:
        where = f" `{error.ctx.command_path} --help` explains." if error.ctx and error.ctx.parent else ""
        return _say(error.format_message() + where)
    except click.ClickException as error:
        return _say(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)
        return INTERRUPTED
    except console.KNOWN_ERRORS as error:
        return _say(str(error))
    except BrokenPipeError:
        # The reader (`head`, say) has had enough; Python must not complain while it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        return _say(f"{error.filename or 'The system refused'}: {error.strerror or error}.")
    except Exception as error:
        if os.environ.get("DOJO_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {error}"
        return _say(f"cv-dojo itself failed ({what}): `DOJO_TRACEBACK=1` shows where, for a report.")


def _say(sentence: str) -> int:
    click.echo(sentence, err=True)
    return PROBLEM


def _guess(word: str, names: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, names, n=1)
    return f": did you mean `{near[0]}`?" if near else ": `dojo --help` lists them."
