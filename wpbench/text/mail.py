"""A text as a mail in an mbox file, the same bytes each time: ``git send-email`` takes it."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.errors import ObsoleteHeaderDefect
from email.generator import BytesGenerator
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parsedate_to_datetime

from ..errors import WpbenchError

# What `git format-patch` writes there: git knows a mail in an mbox by this line.
_FROM_LINE = "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001"
_LONGEST_ID = 900
_MESSAGE_ID = re.compile(rf"(?=.{{3,{_LONGEST_ID}}}\Z)<[!-;=?A-~]+@[!-;=?A-~]+>")  # no <, >, @
_LONGEST_LINE = 998
_FIRST_YEAR = 1900


class _IdHeader(UnstructuredHeader, BaseHeader):
    """A message id: never folded, nor encoded, or a reader would not find the mail it names."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
for _name in ("in-reply-to", "references"):
    _HEADERS.map_to_type(_name, _IdHeader)
_POLICY = SMTP.clone(linesep="\n", max_line_length=78, header_factory=_HEADERS)


def mail(
    body: str,
    subject: str,
    *,
    to: Sequence[str] = (),
    cc: Sequence[str] = (),
    sender: str | None = None,
    date: str | None = None,
    in_reply_to: str | None = None,
) -> bytes:
    r"""Return a mail as the bytes of an mbox file.

    Parameters
    ----------
    body
        Pure ASCII, in lines of at most 998 characters.
    subject
        One line.
    to, cc
        Addresses, with or without a name.
    sender
        The sender; None for Git's ``user.name`` and ``user.email``.
    date
        As in a mail, or ISO 8601 with a zone; None for ``SOURCE_DATE_EPOCH``, and without it for
        no date; ``git send-email`` adds the date of sending.
    in_reply_to
        Message id of the mail that is answered, with or without ``<>``.

    Returns
    -------
    bytes
        Its Message-ID is a hash of the rest, so the same mail has the same bytes.

    Raises
    ------
    WpbenchError
        For a wrong body, subject, address, date or message id.

    Examples
    --------
    >>> import wpbench as wb
    >>> text = wb.text.mail("Measured.\n", "Re: a patch", sender="A Developer <dev@example.org>")
    >>> text.startswith(b"From ")
    True
    """
    if not subject.strip() or not subject.isprintable():
        raise WpbenchError(
            f"subject: {subject!r} is not accepted; accepted: one line of text, without control "
            "characters"
        )
    _check_body(body)
    message = EmailMessage(policy=_POLICY)
    author = _address("from", sender or _git_user())
    message["From"] = author
    if to:
        message["To"] = [_address("to", one) for one in to]
    if cc:
        message["Cc"] = [_address("cc", one) for one in cc]
    written = _date(date)
    if written is not None:
        message["Date"] = format_datetime(written)
    message["Subject"] = subject.strip()
    answered = None
    if in_reply_to is not None:
        answered = f"<{in_reply_to.strip().strip('<>')}>"
        if not _MESSAGE_ID.fullmatch(answered):
            raise WpbenchError(
                f"in-reply-to: {in_reply_to!r} is not accepted; accepted: a message id, id@host, "
                f"in ASCII, of at most {_LONGEST_ID} characters"
            )
        message["In-Reply-To"] = answered
        message["References"] = answered
    message.set_content(body, charset="us-ascii", cte="7bit")
    digest = hashlib.sha256(message.as_bytes()).hexdigest()[:24]
    message["Message-ID"] = f"<wpbench-{digest}@{author.domain}>"
    text = io.BytesIO()
    # A line of the text that begins with "From " would begin another mail: it gets a ">".
    BytesGenerator(text, mangle_from_=True, policy=message.policy).flatten(message)
    _check_headers(message, text.getvalue())
    for name, given in (("subject", subject.strip()), ("in-reply-to", answered)):
        if given is not None and str(message[name]) != given:
            raise WpbenchError(
                f"{name}: {given!r} is not accepted; accepted: one without encoded words"
            )
    return _FROM_LINE.encode() + b"\n" + text.getvalue() + b"\n"


def _check_body(body: str) -> None:
    """Refuse a text that would not arrive as it is."""
    for number, line in enumerate(body.split("\n"), 1):
        wrong = re.search(r"[^\t\x20-\x7e]", line)
        if wrong:
            raise WpbenchError(
                f"body: line {number} has {wrong[0]!r}, which is not accepted; accepted: ASCII"
            )
        if len(line) > _LONGEST_LINE:
            raise WpbenchError(
                f"body: line {number} has {len(line)} characters; accepted: {_LONGEST_LINE}"
            )


def _check_headers(message: EmailMessage, written: bytes) -> None:
    """Refuse a header that a reader of the mail would see otherwise."""
    read = message_from_bytes(written, policy=_POLICY)
    for name, value in message.items():
        if str(read[name]).strip() != str(value):  # a fold before the first word leaves a space
            raise WpbenchError(
                f"{name.lower()}: {str(value)!r} is not accepted; accepted: one that a mail can "
                f"have (a reader would see {str(read[name])!r})"
            )


def _address(name: str, text: str) -> Address:
    """Return the one address that a text is, read strictly."""
    found: Address | None = None
    if text.isascii() and text.isprintable():
        header = _POLICY.header_factory("to", text)
        wrong = [d for d in header.defects if not isinstance(d, ObsoleteHeaderDefect)]
        alone = [group.display_name is None for group in header.groups] == [True]
        if alone and len(header.addresses) == 1 and not wrong:
            found = header.addresses[0]
    if found is None or not found.username or not found.domain:
        raise WpbenchError(
            f"{name}: {text!r} is not accepted; accepted: user@host, or Name <user@host>, in ASCII"
        )
    return found


def _git_user() -> str:
    """Return Git's user, as an address."""
    found = []
    for key in ("user.name", "user.email"):
        command = ["git", "config", "--get", key]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        except (OSError, subprocess.SubprocessError):
            found.append("")
        else:
            found.append(done.stdout.strip())
    if not found[1]:
        raise WpbenchError(
            "from: who sends it is not known; accepted: --from 'Name <user@host>', or Git's "
            "user.name and user.email"
        )
    return f"{found[0]} <{found[1]}>".strip()


def _date(text: str | None) -> datetime | None:
    if text is None:
        return _build_date()
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
        except (ValueError, OverflowError):
            continue
        offset = found.utcoffset()
        # A mail's zone is in whole minutes, and its year has four digits that no reader completes.
        whole = offset is not None and offset % timedelta(minutes=1) == timedelta(0)
        if whole and found.year >= _FIRST_YEAR:
            return found
    raise WpbenchError(
        f"date: {text!r} is not accepted; accepted: 2022-02-07T12:00:00+01:00, or as in a mail, "
        f"with a zone in whole minutes, from {_FIRST_YEAR} on"
    )


def _build_date() -> datetime | None:
    """Return the time that reproducible builds take for now; None without one."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return None
    try:
        if not (epoch.isascii() and epoch.isdigit()):
            raise ValueError(epoch)
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        raise WpbenchError(
            f"SOURCE_DATE_EPOCH: {epoch!r} is not accepted; accepted: seconds since 1970, up to "
            "the year 9999"
        ) from None
