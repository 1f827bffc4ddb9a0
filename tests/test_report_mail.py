"""A report as a mail: Python's mailbox and git read it, and it is the same each time."""

import email.policy
import mailbox
import shutil
import subprocess

import pytest
from reporting import small

import wpbench as wb
from wpbench.commands.main import main
from wpbench.text.mail import mail

PATCH = "20220131162940.210846-3-david@redhat.com"
HEADERS = {
    "to": ["linux-mm@kvack.org", "Andrew Morton <akpm@linux-foundation.org>"],
    "cc": ["dev@example.org"],
    "sender": "A Developer <a.developer@example.org>",
    "in_reply_to": PATCH,
}
SUBJECT = "Re: [PATCH v3 2/9] mm: optimize do_wp_page() for fresh pages in local LRU pagevecs"


@pytest.fixture(scope="module")
def report():
    return wb.report(small(), "From which rate on?")


@pytest.fixture(autouse=True)
def no_date(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def test_mailbox_reads_it(report, tmp_path):
    path = report.mbox(tmp_path / "m.mbox", SUBJECT, **HEADERS)
    box = mailbox.mbox(path)
    (message,) = box
    assert message["Subject"].replace("\n ", " ").strip() == SUBJECT
    assert message["From"] == HEADERS["sender"]
    assert message["To"] == ", ".join(HEADERS["to"])
    assert message["In-Reply-To"] == message["References"] == f"<{PATCH}>"
    assert message["Message-ID"].endswith("@example.org>")
    assert message["Date"] is None
    assert message.get_content_type() == "text/plain"
    body = message.get_payload().replace(">From", "From")
    box.close()
    assert body.rstrip("\n") == str(report).rstrip("\n")


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_reads_it(report, tmp_path):
    path = report.mbox(tmp_path / "m.mbox", SUBJECT, date="2022-02-07T12:00:00+01:00", **HEADERS)
    (tmp_path / "split").mkdir()
    split = ["git", "mailsplit", f"-o{tmp_path / 'split'}", str(path)]
    assert subprocess.run(split, capture_output=True, text=True, check=True).stdout.strip() == "1"
    done = subprocess.run(
        ["git", "mailinfo", "-k", str(tmp_path / "msg"), str(tmp_path / "patch")],
        input=(tmp_path / "split" / "0001").read_bytes(),
        capture_output=True,
        check=True,
    )
    info = dict(line.split(": ", 1) for line in done.stdout.decode().splitlines() if line)
    assert info["Author"] == "A Developer"
    assert info["Email"] == "a.developer@example.org"
    assert info["Subject"] == SUBJECT
    assert info["Date"] == "Mon, 07 Feb 2022 12:00:00 +0100"
    body = (tmp_path / "msg").read_text() + (tmp_path / "patch").read_text()
    # The words of the text, all of them in their order; git takes the dashes for a patch's.
    assert body.replace(">From", "From").split() == str(report).split()


def test_the_same_twice_and_another_with_another_header(report, tmp_path):
    one = report.mbox(tmp_path / "a", SUBJECT, **HEADERS).read_bytes()
    assert report.mbox(tmp_path / "b", SUBJECT, **HEADERS).read_bytes() == one
    other = report.mbox(tmp_path / "c", "Another", **HEADERS).read_bytes()
    ids = [data.split(b"Message-ID: ")[1].split(b"\n")[0] for data in (one, other)]
    assert ids[0] != ids[1]


def test_form(report, tmp_path):
    data = report.mbox(tmp_path / "a", SUBJECT, **HEADERS).read_bytes()
    assert data.isascii()
    assert b"\r" not in data
    assert max(map(len, data.splitlines())) <= 998
    assert data.startswith(b"From 0000000000")
    assert b"\n>From which rate on?" in data  # no line of the text begins a mail


def test_date_of_the_environment(report, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1644231600")
    data = report.mbox(tmp_path / "a", SUBJECT, **HEADERS).read_bytes()
    assert b"\nDate: Mon, 07 Feb 2022 11:00:00 +0000\n" in data


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"to": ["nobody"]}, "to: 'nobody' is not accepted; accepted: user@host"),
        ({"cc": ["a@b, c@d"]}, "cc: 'a@b, c@d' is not accepted"),
        ({"to": ["Jörg <j@example.org>"]}, "in ASCII"),
        ({"sender": "A <>"}, "from: 'A <>' is not accepted"),
        ({"date": "yesterday"}, "date: 'yesterday' is not accepted"),
        ({"date": "2022-02-07T12:00:00"}, "date: '2022-02-07T12:00:00' is not accepted"),
        ({"in_reply_to": "no id"}, "in-reply-to: 'no id' is not accepted"),
        ({"subject": "a\nb"}, "one line of text"),
        ({"subject": " "}, "one line of text"),
        *[({"subject": f"a{c}b"}, "one line of text") for c in "\r\t\x00\x0b\x0c\x85\u2028\u2029"],
        ({"subject": "=?utf-8?q?abc?="}, "subject: .* is not accepted; .* without encoded words"),
        ({"body": "a\nfür\n"}, "body: line 2 has 'ü', which is not accepted; accepted: ASCII"),
        ({"body": "a\rb\n"}, r"body: line 1 has '\\r', which is not accepted"),
        ({"body": "x" * 999}, "body: line 1 has 999 characters; accepted: 998"),
        ({"to": ["A\nBcc: x <a@b.c>"]}, r"to: 'A\\nBcc: x <a@b.c>' is not accepted"),
        ({"to": ["Group: x <a@b.c>;"]}, "to: 'Group: x <a@b.c>;' is not accepted"),
        ({"cc": ["Re: x <a@b.c>"]}, "cc: 'Re: x <a@b.c>' is not accepted"),
        ({"to": ["A <a@b.c> x"]}, "to: 'A <a@b.c> x' is not accepted"),
        ({"date": "2022-02-07T12:00:00+01:00:30"}, "a zone in whole minutes"),
        ({"date": "0001-01-01T00:00:00+00:00"}, "from 1900 on"),
        ({"date": "Mon, 07 Feb 99999999999999 12:00:00 +0100"}, "date: .* is not accepted"),
        ({"in_reply_to": "é@example.org"}, "in ASCII, of at most 900 characters"),
        ({"in_reply_to": "x" * 900 + "@example.org"}, "of at most 900 characters"),
    ],
)
def test_what_is_refused(headers, message):
    given = HEADERS | headers
    with pytest.raises(wb.WpbenchError, match=message) as error:
        mail(given.pop("body", "text\n"), given.pop("subject", SUBJECT), **given)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("epoch", ["abc", "-5", "²", "1e9", " 5", "253402300800", "9" * 5000])
def test_a_wrong_date_of_the_environment_is_refused(monkeypatch, epoch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(wb.WpbenchError, match=r"SOURCE_DATE_EPOCH: .* is not accepted") as error:
        mail("text\n", SUBJECT, sender=HEADERS["sender"])
    assert "seconds since 1970" in str(error.value)


@pytest.mark.parametrize("length", [70, 77, 100, 880])
def test_a_long_message_id_stays_as_it_is(length):
    """Folded or encoded it would name no mail, and the thread would break."""
    answered = f"{'x' * length}@example.org"
    lines = mail("text\n", SUBJECT, **HEADERS | {"in_reply_to": answered}).decode().split("\n")
    assert f"In-Reply-To: <{answered}>" in lines
    assert f"References: <{answered}>" in lines


@pytest.mark.parametrize(
    "subject", [SUBJECT, "x" * 200, "word " * 60, "Jörg über alles " * 9, "a  b", "x" * 75 + " y"]
)
def test_any_subject_arrives(tmp_path, subject):
    (tmp_path / "m.mbox").write_bytes(mail("text\n", subject, **HEADERS))
    box = mailbox.mbox(tmp_path / "m.mbox")
    data = box.get_bytes(0)
    box.close()
    read = email.message_from_bytes(data, policy=email.policy.default)
    assert read["Subject"].strip() == subject.strip()


def test_command_line(tmp_path, capsys):
    small().to_parquet(tmp_path / "t.parquet")
    line = ["report", str(tmp_path / "t.parquet"), "--mbox", str(tmp_path / "m.mbox")]
    line += [
        "--from",
        HEADERS["sender"],
        "--to",
        "linux-mm@kvack.org",
        "--in-reply-to",
        f"<{PATCH}>",
    ]
    assert main(line) == 0
    assert "git send-email" in capsys.readouterr().out
    box = mailbox.mbox(tmp_path / "m.mbox")
    (message,) = box
    box.close()
    assert message["In-Reply-To"] == f"<{PATCH}>"
    assert main([*line, "--to", "nobody"]) == 2
    assert "to: 'nobody'" in capsys.readouterr().err
