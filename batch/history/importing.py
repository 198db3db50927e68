"""From a foreign history to a finished store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from fraudray.batch.history.evaluate import moment
from fraudray.batch.history.fields import not_recorded
from fraudray.batch.history.fit import Fit, choose_ready, fit
from fraudray.batch.history.forms import CsvForm, TextForm
from fraudray.batch.history.job import Job
from fraudray.batch.history.manifest import Counts, Labels, Manifest, MappingRecord, SourceFile
from fraudray.batch.history.mapping_file import MappingSource, read_mapping
from fraudray.batch.history.merging import fingerprint
from fraudray.batch.history.peek import Peeked, peek
from fraudray.batch.history.progress import Watch, unwatched
from fraudray.batch.history.refusals import gather_refusals
from fraudray.batch.history.running import Outcome, run
from fraudray.batch.history.site import Plan, Site
from fraudray.batch.history.sources import Files, find_files
from fraudray.batch.history.store import read_manifest
from fraudray.batch.history.texts import tokens
from fraudray.domain.errors import Refused

PART_ROWS = 250_000
"""About as many rows has a part, so that one fits into a worker's memory with room to spare."""
PARTS_MIN = 4
REJECTS = "rejects.ndjson"


def import_history(
    sources: Sequence[str | Path],
    mapping: str | Path | MappingSource | None,
    out: Path | str,
    *,
    rejects: Path | None = None,
    partitions: int | None = None,
    force: bool = False,
    say: Callable[[str], None] = lambda _: None,
    watch: Watch = unwatched,
) -> Manifest:
    """Read, check and store a history; see the README for what each step does.

    `mapping` is a ready mapping's name, a mapping file, or None for the one ready mapping whose columns are all there.
    `rejects` is the file for refused rows, by default `rejects.ndjson` in the store. `partitions` overrides the number
    of parts. `say` gets a line for people now and then, `watch` the progress.

    A store of the same sources and mapping is left as it is, and its manifest given back; an import that was stopped
    goes on, from its parts where all rows had been read, else from the start. Ray is the one that this process is
    connected to, or see `fraudray.batch.cluster.connected`.

    Raises:
        HistoryError, MappingError: a source or the mapping cannot be used, or `out` is a folder of other things.
        Refused: `out` is a store of other sources or another mapping, and `force` is not given.
    """
    began = datetime.now(UTC)
    folder = Path(out).expanduser().absolute()
    files = find_files(sources)
    source = read_mapping(mapping) if isinstance(mapping, str | Path) else mapping
    peeked: list[Peeked] | None = None
    if source is None:
        peeked = peek(files, CsvForm())
        source = choose_ready(peeked)
        say(f"mapping: {source.name}, whose columns are all there")
    record = MappingRecord.of(source.name, source.text)
    with Site.hold(folder) as site:
        finished = read_manifest(folder)
        if finished is not None and not force:
            if _same(finished, files, record, partitions):
                say(f"{folder} is finished for these sources and this mapping; nothing to do")
                return finished
            raise Refused(
                f"{folder} is a store of other sources, another mapping or another number of parts; "
                "give another --out, or --force to import anew"
            )
        for _, form in source.document.forms():
            if isinstance(form, TextForm) and form.token is not None:
                tokens(form.token)  # a missing key is told now, not by a worker
        peeked = peek(files, source.document.csv) if peeked is None else peeked
        fitting = fit(source, files, peeked)
        plan = site.begin(
            Plan(
                sources=_sources(files),
                mapping=record,
                partitions=partitions or parts_for(sum(one.rows for one in peeked)),
                recorded=fitting.recorded,
                now=began,
            ),
            say,
        )
        job = _job(folder, files, source, fitting, plan)
        outcome = run(job, peeked, site, watch)
        target = rejects or folder / REJECTS
        any_rejected = gather_refusals(job.refused, target)
        manifest = _manifest(plan, outcome, fitting, folder.name, str(target) if any_rejected else None)
        site.finish(manifest)
        return manifest


def parts_for(rows: int) -> int:
    """How many parts hold so many rows, if customers spread evenly."""
    return max(PARTS_MIN, -(-rows // PART_ROWS))


def _job(folder: Path, files: Files, source: MappingSource, fitting: Fit, plan: Plan) -> Job:
    return Job(
        out=folder,
        kind=files.kind,
        paths=tuple(file.path for file in files.found),
        endpoint=files.endpoint,
        mapping=source.document,
        read=fitting.read,
        recorded=plan.recorded,
        parts=plan.partitions,
        now=plan.now,
    )


def _manifest(plan: Plan, outcome: Outcome, fitting: Fit, name: str, rejects: str | None) -> Manifest:
    parts = outcome.parts
    kept, rejected = sum(part.rows for part in parts), sum(outcome.refused.values())
    if outcome.read != kept + rejected:
        raise AssertionError(f"{outcome.read} rows were read, but {kept} kept and {rejected} rejected")
    fraud, genuine = sum(part.fraud for part in parts), sum(part.genuine for part in parts)
    return Manifest(
        name=name,
        mapping=plan.mapping,
        sources=plan.sources,
        counts=Counts(
            read=outcome.read, kept=kept, rejected=rejected, rejected_by_code=dict(sorted(outcome.refused.items()))
        ),
        partitions=plan.partitions,
        partition_rows=tuple(part.rows for part in parts),
        recorded=plan.recorded,
        not_recorded=not_recorded(plan.recorded),
        unmapped=fitting.unmapped,
        first_occurred=_moment(min((part.first_us for part in parts if part.first_us is not None), default=None)),
        last_occurred=_moment(max((part.last_us for part in parts if part.last_us is not None), default=None)),
        labels=Labels(fraud=fraud, genuine=genuine, unlabelled=kept - fraud - genuine),
        fingerprint=fingerprint([part.sums for part in parts]),
        rejects=rejects,
        created=datetime.now(UTC),
    )


def _moment(us: int | None) -> datetime | None:
    return None if us is None else moment(us)


def _sources(files: Files) -> tuple[SourceFile, ...]:
    return tuple(SourceFile(path=file.path, bytes=file.size, modified=file.modified) for file in files.found)


def _same(finished: Manifest, files: Files, mapping: MappingRecord, partitions: int | None) -> bool:
    same_parts = partitions is None or partitions == finished.partitions
    return finished.sources == _sources(files) and finished.mapping.hash == mapping.hash and same_parts
