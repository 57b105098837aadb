"""What runs leave in a history, on SQLite and on PostgreSQL, and what is read out of it again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sql

from commands.conftest import EXAMPLE, Governor
from fake_aws import ACCOUNT, Cloud
from fault_proxy import Reply
from governor.errors import CANNOT_JUDGE, Refusal
from governor.history import Run, run_of, sightings, store
from governor.history.store import Store
from governor.history.tables import FINDINGS, RUNS
from governor.history.told import Memory
from governor.model import Exempted, Exemption, Failure, Finding, Gap, Policy, Shard, Standing, Verdict

SERVERS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, in a folder of its own: pytest closes its own ones to other users."""
    with TemporaryDirectory(prefix="governor-") as folder:
        yield from _serving(Path(folder))


def _serving(home: Path) -> Iterator[str]:
    found = shutil.which("postgres") and Path(str(shutil.which("postgres"))).resolve().parent
    binaries = next((place for place in (*SERVERS, found) if place and (place / "postgres").exists()), None)
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed here: its half of these tests needs initdb and postgres")
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(home, "postgres", "postgres")
    data = home / "data"
    try:
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "governor", "-A", "trust", "-N", "-E", "UTF8", "--no-locale"],
            check=True, capture_output=True, cwd=home, **as_user,
        )  # fmt: skip
    except (LookupError, PermissionError) as error:
        pytest.skip(f"PostgreSQL's server does not run as root, and there is no user postgres here: {error}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), "-k", str(home), "-h", "127.0.0.1", "-F"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home, **as_user,
    )  # fmt: skip
    url = f"postgresql://governor@127.0.0.1:{port}"
    engine = sql.create_engine(store.address(f"{url}/postgres"), isolation_level="AUTOCOMMIT")
    try:
        for _ in range(300):
            try:
                engine.connect().close()
                break
            except sql.exc.OperationalError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.1)
        yield url
    finally:
        engine.dispose()
        process.send_signal(
            signal.SIGINT
        )  # a fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
        process.wait(30)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a history begins."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    url = str(request.getfixturevalue("server"))
    engine = sql.create_engine(store.address(f"{url}/postgres"), isolation_level="AUTOCOMMIT")
    name = f"test_{os.urandom(6).hex()}"
    with engine.connect() as db:
        db.execute(sql.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{url}/{name}"


def _finding(resource: str, policy: str = "TAG001", **facts: Any) -> Finding:
    given: dict[str, Any] = {"owner": "vision", "project": "p", "account": "1", "hourly_usd": Decimal("1.5")}
    return Finding(
        policy=policy, resource=resource, kind="instance", attribute="tags.x", msg=f"{resource} lacks x",
        **{**given, **facts},
    )  # fmt: skip


def _verdict(*open_: Finding, **lists: Any) -> Verdict:
    policies = {name: Policy(id=name, title=name) for name in lists.pop("asked", ["TAG001", "TAG002"])}
    return Verdict(
        policies=policies, levels=dict.fromkeys(policies, "deny"), today=date(2026, 11, 24), stage="live",
        open=open_, resources=3, hourly_usd=Decimal("4.5"), **lists,
    )  # fmt: skip


def _record(held: Store, verdict: Verdict, day: int, *, subject: str = "prod", seen: str = "abc") -> Run:
    run = run_of(verdict, taken_at=f"2026-11-{day:02}T02:00:00+00:00", subject=subject, library="0", governor="0")
    held.record(run, [*sightings(verdict)], verdict, set(seen))
    return run


def test_a_run_is_read_as_it_was_written(place: str) -> None:
    with Store(place, begin=True) as held:
        run = _record(held, _verdict(_finding("a"), _finding("b", hourly_usd=None, owner="")), 22)

    with Store(place) as held:
        assert held.runs() == [run]
        ((_, teams),) = held.figures("team", [run])
        ((_, policies),) = held.figures("policy", [run])
    assert run.at_stake_usd == Decimal("1.5")
    assert {(f.name, f.open, f.at_stake_usd, f.unpriced) for f in teams} == {
        ("vision", 1, Decimal("1.5"), 0),
        ("", 1, Decimal(0), 1),
    }
    assert {(f.name, f.open) for f in policies} == {("TAG001", 2), ("TAG002", 0)}


@pytest.mark.parametrize("odd", ["a\x00b", "a\ud800b", "o" * 5000])
def test_text_that_a_database_does_not_hold_loses_no_run(place: str, odd: str) -> None:
    found = _verdict(_finding("a", owner=odd, project=odd), _finding("b", owner="vision"))
    with Store(place, begin=True) as held:
        _record(held, found, 22)
        last = _record(held, found, 23)
        difference = held.difference(last)
        ((_, teams),) = held.figures("team", [last])

    assert (difference.new, difference.gone) == ([], [])
    assert sorted(figure.open for figure in teams) == [1, 1]


def test_an_owner_may_be_told_of_very_much(place: str) -> None:
    fingerprints = {f"{number:032x}" for number in range(70_000)}
    with Store(place, begin=True) as held:
        memory = Memory(held, _record(held, _verdict(_finding("a")), 22))
        memory.keep("vision", {*list(fingerprints)[:10]}, datetime.now(UTC))
        memory.keep("vision", fingerprints, datetime.now(UTC))

        assert memory.told("vision") == fingerprints


def test_what_is_new_and_what_is_gone(place: str) -> None:
    with Store(place, begin=True) as held:
        _record(held, _verdict(_finding("a"), _finding("b")), 22)
        last = _record(held, _verdict(_finding("b"), _finding("c")), 23)
        found = held.difference(last)

    assert found.before is not None
    assert found.before.day == date(2026, 11, 22)
    assert [(seen.resource, seen.first_seen[:10]) for seen in found.new] == [("c", "2026-11-23")]
    assert [(seen.resource, seen.last_seen[:10]) for seen in found.gone] == [("a", "2026-11-22")]
    assert (found.untold, found.exempt, found.not_asked) == ([], [], [])


def test_what_a_gap_or_a_failure_hides_is_not_gone_and_comes_back_not_new(place: str) -> None:
    before = _verdict(_finding("a"), _finding("b"), _finding("c", "TAG002"))
    hidden = _verdict(gaps=[Gap("account 1", "denied")], failures=[Failure("TAG002", "c", "it broke")])
    with Store(place, begin=True) as held:
        _record(held, before, 22)
        # b was seen, and is clean; a lies in the gap; the policy failed on c.
        second = _record(held, hidden, 23, seen="bc")
        found = held.difference(second)
        _record(held, hidden, 24, seen="bc")
        fourth = _record(held, before, 25)
        again = held.difference(fourth)

    assert [seen.resource for seen in found.gone] == ["b"]
    assert [seen.resource for seen in found.untold] == ["a", "c"]
    assert {seen.resource: seen.first_seen[:10] for seen in again.new} == dict.fromkeys("abc", "2026-11-22")


def test_what_is_exempt_and_what_nobody_asked_is_not_gone(place: str) -> None:
    exemption = Exemption(
        policy="*", resource="*", category="waiver", reason="r", owner="o", approved_by="x", expires=date(2027, 1, 1)
    )
    with Store(place, begin=True) as held:
        _record(held, _verdict(_finding("a"), _finding("b", "TAG002")), 22)
        last = _record(held, _verdict(exempt=[Exempted(_finding("a"), exemption)], asked=["TAG001"]), 23)
        found = held.difference(last)

    assert found.gone == []
    assert [seen.resource for seen in found.exempt] == ["a"]
    assert [seen.resource for seen in found.not_asked] == ["b"]


def test_subjects_are_kept_apart(place: str) -> None:
    with Store(place, begin=True) as held:
        _record(held, _verdict(_finding("a")), 22, subject="prod")
        other = _record(held, _verdict(_finding("a")), 23, subject="dev")

        assert held.difference(other).before is None
        assert [run.subject for run in held.runs(since=date(2026, 11, 23))] == ["dev"]


def test_a_run_that_is_written_again_takes_the_place_of_itself(place: str) -> None:
    with Store(place, begin=True) as held:
        _record(held, _verdict(_finding("a")), 22)
        run = _record(held, _verdict(_finding("b")), 22)

        assert held.runs() == [run]
        assert [seen.resource for seen in held.difference(run).new] == ["b"]


def test_an_older_run_that_comes_late_tells_since_when(place: str) -> None:
    with Store(place, begin=True) as held:
        late = _record(held, _verdict(_finding("a"), _finding("b", owner="speech")), 24)
        _record(held, _verdict(_finding("b", owner="vision")), 20)

        (new,) = held.difference(late).new
        _record(held, _verdict(_finding("a")), 25)
        (gone,) = held.difference(held.runs()[-1]).gone
    assert (new.resource, new.first_seen[:10]) == ("a", "2026-11-24")
    assert (gone.first_seen[:10], gone.last_seen[:10], gone.owner) == ("2026-11-20", "2026-11-24", "speech")


def _shard(standing: Standing, tagged: int = 20) -> Shard:
    return Shard(place="1/eu-west-1/volumes", standing=standing, resources=20, tagged=tagged, untagged=20 - tagged)


def test_what_is_old_is_forgotten_but_not_what_the_next_run_is_held_beside(place: str) -> None:
    with Store(place, begin=True) as held:
        _record(held, _verdict(_finding("a")), 1, subject="rare")
        _record(held, _verdict(_finding("a"), shards=[_shard("whole")]), 2)
        _record(held, _verdict(_finding("a"), _finding("b")), 3)
        _record(held, _verdict(_finding("a"), _finding("b"), shards=[_shard("quarantined", 0)]), 4)
        _record(held, _verdict(_finding("a"), _finding("c")), 5)
        last = _record(held, _verdict(_finding("a")), 6)
        before = held.difference(last)

        held.forget(date(2026, 11, 8))

        assert [(run.subject, run.day.day) for run in held.runs()] == [
            ("rare", 1),
            ("prod", 2),
            ("prod", 5),
            ("prod", 6),
        ]
        assert held.believed() == {"1/eu-west-1/volumes": (_shard("whole"), "2026-11-02T02:00:00+00:00")}
        assert held.difference(last) == before
        with held.reading() as db:
            known = {(row.resource, row.first_seen[8:10]) for row in db.execute(sql.select(FINDINGS))}
        assert known == {("a", "01"), ("a", "02"), ("c", "05")}


def test_a_night_on_which_tags_may_not_be_read_makes_nobody_forget_them(place: str) -> None:
    """A night later all of them would else come back empty, and be believed."""
    unread = Shard(place="1/eu-west-1/volumes", standing="whole", resources=18, tagged=0, untagged=0)
    with Store(place, begin=True) as held:
        _record(held, _verdict(shards=[_shard("whole", 19)]), 1)
        for day in (2, 3, 4):
            _record(held, _verdict(shards=[unread]), day)
        held.forget(date(2026, 11, 30))

        ((before, when),) = held.believed().values()
    assert (before.resources, before.tagged, before.untagged) == (18, 19, 1)
    assert when == "2026-11-04T02:00:00+00:00"


def test_the_settings_say_how_long_a_run_is_kept(governor: Governor, place: str, tmp_path: Path) -> None:
    with Store(place, begin=True) as held:
        for day in (1, 2, 3):
            _record(held, _verdict(_finding("a")), day)
            moved = sql.update(RUNS).values(taken_at=sql.func.replace(RUNS.c.taken_at, "2026-", "2020-"))
            with held.writing() as db:
                db.execute(moved)
    check = ("check", EXAMPLE, "--environment", "prod", "--history", place, "-q")

    assert governor(*check).code == 1
    with Store(place) as held:
        assert len(held.runs()) == 4
    (tmp_path / "governor.yaml").write_text("history: {keep_days: 400}\n", "utf-8")
    assert governor(*check).code == 1
    with Store(place) as held:
        assert [(run.stage, run.day.year) for run in held.runs()] == [
            ("live", 2020), ("live", 2020), *[("plan", datetime.now(UTC).year)] * (len(held.runs()) - 2),
        ]  # fmt: skip


def test_writers_take_turns(place: str) -> None:
    def write(day: int) -> None:
        with Store(place, begin=True) as held:
            _record(held, _verdict(*(_finding(f"{number}") for number in range(600))), day)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(1, 17)))

    with Store(place) as held:
        runs = held.runs()
        differences = [held.difference(run) for run in runs]
    assert [run.day.day for run in runs] == [*range(1, 17)]
    assert [len(one.new) for one in differences] == [600] + [0] * 15


def test_a_store_of_before_becomes_one_of_today(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(place, begin=True) as held:
        run = _record(held, _verdict(_finding("a")), 22)
    migrated: list[int] = []
    known = len(store.MIGRATIONS)

    def to_the_next_version(db: sql.Connection) -> None:
        migrated.append(len(store.MIGRATIONS))
        db.execute(sql.text("ALTER TABLE runs ADD COLUMN remark VARCHAR(10) DEFAULT '' NOT NULL"))

    monkeypatch.setattr(store, "MIGRATIONS", (*store.MIGRATIONS, to_the_next_version))
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Store(place), range(4)))

    assert migrated == [known + 1]
    assert all(held.runs() == [run] for held in opened)
    for held in opened:
        held.__exit__()
    monkeypatch.undo()
    with pytest.raises(Refusal, match=f"of version {known + 1}, and this governor knows {known}: update governor"):
        Store(place)


def test_a_store_of_version_1_learns_to_remember_who_was_told(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as then:
        then.setattr(store, "MIGRATIONS", store.MIGRATIONS[:1])
        with Store(place, begin=True) as held:
            run = _record(held, _verdict(_finding("a")), 22)

    with Store(place) as held:
        memory = Memory(held, run)
        memory.keep("vision", {_finding("a").fingerprint}, datetime(2026, 11, 22, tzinfo=UTC))

        assert memory.told("vision") == {_finding("a").fingerprint}
        assert memory.last("vision") == datetime(2026, 11, 22, tzinfo=UTC)
        assert (memory.told("speech"), memory.last("speech")) == (set(), None)


def test_a_migration_that_fails_leaves_the_store_as_it_was(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(place, begin=True) as held:
        run = _record(held, _verdict(_finding("a")), 22)

    def breaks(db: sql.Connection) -> None:
        db.execute(sql.text("DELETE FROM runs"))
        db.execute(sql.text("ALTER TABLE nothing ADD COLUMN x INTEGER"))

    with monkeypatch.context() as patched:
        patched.setattr(store, "MIGRATIONS", (*store.MIGRATIONS, breaks))
        with pytest.raises(Refusal) as refusal:
            Store(place)
    assert refusal.value.code == CANNOT_JUDGE
    with Store(place) as held:
        assert held.runs() == [run]


def test_the_command_line_from_check_to_trend(governor: Governor, place: str, tmp_path: Path) -> None:
    folder = EXAMPLE.parent
    said = ("--config", folder / "governor.yaml", "--environment", "prod", "--exit-zero", "-q")

    first = governor("check", EXAMPLE, *said, "--history", place, "--snapshot", tmp_path / "a.snapshot")
    again = governor("check", tmp_path / "a.snapshot", *said, "--history", place)
    trend = governor("history", place, "--by", "team")
    told = json.loads(governor("history", place, "-f", "json").out)
    diff = json.loads(governor("history", place, "--diff", "-f", "json").out)

    assert (first.code, again.code, trend.code) == (0, 0, 0)
    assert trend.out.startswith("prod, stage plan\n")
    assert "vision" in trend.out
    (day,) = told
    assert f"{day['run']['open']} open" in again.out
    assert sum(figure["open"] for figure in day["figures"]) == day["run"]["open"]
    (one,) = diff
    assert one["gone"] == []


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("nothing.db", "no such history: `governor check … --history FILE` begins one"),
        ("mysql://x/y", "a history lies in a file or in PostgreSQL, not in mysql"),
        ("postgresql://governor:pass-word@127.0.0.1:1/x", "the history cannot be used"),
        ("postgresql://governor@127.0.0.1:1/x?password=pass-word&sslmode=disable", "the history cannot be used"),
        ("no.db", "this is no history of governor's"),
        ("other.db", "this database holds no history"),
    ],
)
def test_what_is_no_history_is_told(governor: Governor, tmp_path: Path, given: str, complaint: str) -> None:
    (tmp_path / "no.db").write_bytes(b"this is no database, but text that is long enough" * 100)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()

    run = governor("history", given)

    assert run.code in (2, 3)
    assert complaint in run.err
    assert "pass-word" not in run.err
    assert run.err.count("\n") == 1
    assert not (tmp_path / "nothing.db").exists()


def test_a_first_day_is_a_number_of_days_or_a_day(governor: Governor, place: str) -> None:
    with Store(place, begin=True) as held:
        today = date.today()
        for days in (0, 5, 40):
            verdict = _verdict(_finding("a"))
            taken = f"{today - timedelta(days=days)}T02:00:00+00:00"
            held.record(run_of(verdict, taken_at=taken, subject="p", library="", governor=""), [], verdict, set())

    def days_of(*since: str) -> int:
        return len(json.loads(governor("history", place, "-f", "json", *since).out))

    assert [days_of(), days_of("--since", "3d"), days_of("--since", f"{today - timedelta(days=60)}")] == [2, 1, 3]
    assert governor("history", place, "--since", "soon").code == 2


def test_a_subject_that_has_no_runs_is_told(governor: Governor, tmp_path: Path) -> None:
    with Store(str(tmp_path / "h.db"), begin=True) as held:
        _record(held, _verdict(_finding("a")), 22, subject="prod")

    run = governor("history", "h.db", "--subject", "dev", "--since", "2026-11-01")

    assert run.code == 2
    assert "no run of dev since 2026-11-01: there are prod" in run.err


def test_gate_keeps_its_run_and_one_snapshot_holds_one_judgement(governor: Governor, mine: Path) -> None:
    kept = governor("gate", "--plan", "plan.json", "--history", "h.db", "--snapshot", "s.snapshot")
    again = governor("check", "s.snapshot")
    both = governor("check", "plan.json", "s.snapshot", "--snapshot", "t.snapshot")

    (day,) = json.loads(governor("history", "h.db", "-f", "json").out)
    assert (kept.code, again.code, day["run"]["open"]) == (1, 1, 1)
    assert again.out.splitlines()[-1] == kept.out.splitlines()[-1]
    assert both.code == 2
    assert "these are 2 judgements, and --snapshot wants one" in both.err


SCAN = ("scan", "--account", ACCOUNT, "--region", "us-east-1", "--service", "volumes", "-q")


class Gate:
    """Stands before a fake AWS: nothing gets through until it is opened."""

    def __init__(self, cloud: Cloud) -> None:
        self._reached, self._open = Event(), Event()
        cloud.proxy.spoil = self._pass

    def _pass(self, _: str, forward: Callable[[], Reply]) -> Reply:
        self._reached.set()
        assert self._open.wait(60)
        return forward()

    def wait(self) -> None:
        assert self._reached.wait(60), "a run reads"
        self._reached.clear()

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def start(program: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Processes of the command line; those that still run are killed."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [program, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


Start = Callable[..., subprocess.Popen[str]]


def test_a_scan_that_overlaps_another_is_refused_and_nothing_is_read(place: str, cloud: Cloud, start: Start) -> None:
    gate = Gate(cloud)
    first = start(*SCAN, "--history", place)
    gate.wait()

    second = start(*SCAN, "--history", place)
    out, err = second.communicate(timeout=60)

    assert (second.returncode, out) == (3, "")
    assert re.fullmatch(
        rf"governor: \S+: another run of this is under way: process {first.pid} on {socket.gethostname()}, "
        r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00; nothing was read\n",
        err,
    )
    other = start(*SCAN, "--history", place, "--environment", "other")
    gate.wait()  # of another environment: it reads
    gate.open()
    assert [process.wait(60) for process in (first, other)] == [0, 0]
    third = start(*SCAN, "--history", place)
    assert third.wait(60) == 0, "the turn is over"
    with Store(place) as held:
        assert len(held.runs()) == 2 + 1


def test_the_turn_of_a_run_that_is_killed_is_over(place: str, cloud: Cloud, start: Start) -> None:
    gate = Gate(cloud)
    first = start(*SCAN, "--history", place)
    gate.wait()
    first.kill()
    first.wait()

    gate.open()

    assert start(*SCAN, "--history", place).wait(60) == 0


def test_without_a_history_the_metrics_are_what_runs_would_both_write(
    cloud: Cloud, start: Start, tmp_path: Path
) -> None:
    gate = Gate(cloud)
    first = start(*SCAN, "--metrics", "governor.prom")
    gate.wait()

    second = start(*SCAN, "--metrics", "governor.prom")

    assert second.wait(60) == 3
    assert not (tmp_path / "governor.prom").exists(), "the figures are those of the run that reads"
    gate.open()
    assert first.wait(60) == 0
    assert "governor_last_run_exit_code{" in (tmp_path / "governor.prom").read_text()
