"""What expected.yaml says of one suite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.mcp_world.programs import Checks, Suite

FILE = Path(__file__).with_name("expected.yaml")
_FAILED = ("FAILURE", "WARNING")
"""What the suites count as failed when they compare with a list of expected failures."""
_WIRE = "wire-schema-valid"
"""A check beside those of the scenario: that messages are well formed."""


@dataclass(frozen=True)
class Expectation:
    """Each scenario of a suite once: must pass, passes without meaning, fails for a reason."""

    passes: list[str]
    proves_nothing: dict[str, str]
    fails: dict[str, str | dict[str, str]]

    @classmethod
    def of(cls, suite: Suite) -> Expectation:
        return cls(**yaml.safe_load(FILE.read_text())[suite])

    def known_failures(self, file: Path) -> Path:
        """The same as the suite's own list of expected failures."""
        file.write_text(yaml.safe_dump({"server": sorted(self.fails)}))
        return file

    def differences(self, checks: Checks) -> list[str]:
        """What is otherwise than expected, a line each."""
        listed = [*self.passes, *self.proves_nothing, *self.fails]
        found = [f"{name}: is listed twice" for name in sorted(set(listed)) if listed.count(name) > 1]
        found += [f"{name}: was not run" for name in sorted(set(listed) - set(checks))]
        found += [f"{name}: is not listed" for name in sorted(set(checks) - set(listed))]
        for name in sorted(set(checks) & set(listed)):
            failed, succeeded = _having(checks, name, *_FAILED), _having(checks, name, "SUCCESS")
            expected = self.fails.get(name)
            if expected is None:
                found += [f"{name}: {check} failed" for check in sorted(failed)]
            elif isinstance(expected, dict):
                found += [f"{name}: {check} is otherwise than listed" for check in sorted(failed ^ set(expected))]
            elif not failed:
                found.append(f"{name}: passes now")
            if name in self.passes and not succeeded:
                found.append(f"{name}: nothing in it succeeded")
        return found


def failing(checks: Checks) -> set[str]:
    """The scenarios with a check that failed."""
    return {name for name in checks if _having(checks, name, *_FAILED)}


def _having(checks: Checks, name: str, *statuses: str) -> set[str]:
    return {check["id"] for check in checks[name] if check["status"] in statuses and check["id"] != _WIRE}
