"""A text as a mail in an mbox file, the same bytes each time: ``git send-email`` takes it."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.generator import BytesGenerator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses, parsedate_to_datetime

from ..errors import WpbenchError

# What `git format-patch` writes there: git knows a mail in an mbox by this line.
_FROM_LINE = "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001"
_MESSAGE_ID = re.compile(r"<[^<>\s@]+@[^<>\s@]+>")


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
    """Return a mail as the bytes of an mbox file.

    Parameters
    ----------
    body
        Pure ASCII.
    subject
        One line.
    to, cc
        Addresses, with or without a name.
    sender
        From whom; None for Git's ``user.name`` and ``user.email``.
    date
        As in a mail, or ISO 8601 with a zone; None for ``SOURCE_DATE_EPOCH``, and without it for
        no date: ``git send-email`` writes the date of sending anyway.
    in_reply_to
        Message id of the mail that is answered, with or without ``<>``.

    Returns
    -------
    bytes
        Its Message-ID is a hash of the rest: the same mail is the same message.

    Raises
    ------
    WpbenchError
        For an address, date or message id that is none.
    """
    if not subject.strip() or "\n" in subject:
        raise WpbenchError(f"subject: {subject!r} is not accepted; accepted: one line of text")
    message = EmailMessage(policy=SMTP.clone(linesep="\n", max_line_length=78))
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
    if in_reply_to is not None:
        answered = f"<{in_reply_to.strip().strip('<>')}>"
        if not _MESSAGE_ID.fullmatch(answered):
            raise WpbenchError(
                f"in-reply-to: {in_reply_to!r} is not accepted; accepted: a message id, id@host"
            )
        message["In-Reply-To"] = answered
        message["References"] = answered
    message.set_content(body, charset="us-ascii", cte="7bit")
    digest = hashlib.sha256(message.as_bytes()).hexdigest()[:24]
    message["Message-ID"] = f"<wpbench-{digest}@{author.domain}>"
    text = io.BytesIO()
    # A line of the text that begins with "From " would begin another mail: it gets a ">".
    BytesGenerator(text, mangle_from_=True, policy=message.policy).flatten(message)
    return _FROM_LINE.encode() + b"\n" + text.getvalue() + b"\n"


def _address(name: str, text: str) -> Address:
    shown, address = getaddresses([text])[0] if len(getaddresses([text])) == 1 else ("", "")
    try:
        found = Address(shown, addr_spec=address)
    except (HeaderParseError, ValueError, IndexError):
        found = None
    if found is None or not found.username or not found.domain or not text.isascii():
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
        except OSError:
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
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        return datetime.fromtimestamp(int(epoch), UTC) if epoch.isdigit() else None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
        except ValueError:
            continue
        if found.tzinfo is not None:
            return found
    raise WpbenchError(
        f"date: {text!r} is not accepted; accepted: 2022-02-07T12:00:00+01:00, or as in a mail"
    )
