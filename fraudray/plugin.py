"""What a package needs to add evidence or scoring to fraudray (see tools/README.md for whole examples).

Evidence: a class with `facts` and `gather`, offered as entry point `fraudray.evidence`:

    class MerchantWatch:
        local = True  # only computes; otherwise it is asked in a thread, within `limit_s` seconds
        facts = (Fact("watch_listed", "bool", "the merchant is on our watch list", item="merchant", key="listed"),)

        def gather(self, inquiry: Inquiry) -> dict[str, Item]:
            return {"merchant": {"listed": inquiry.tx.merchant in WATCHED}}

Scoring: a function from known facts to points, offered as entry point `fraudray.scoring`:

    def score(facts: Mapping[str, Any]) -> float | Scored:
        return Scored(10 * facts.get("habit_ratio", 0), "far above habit")
"""

from fraudray.domain.evidence import Item
from fraudray.domain.facts import Fact
from fraudray.evidence.context import Inquiry
from fraudray.policy.scoring import Scored, ScoringFunction

__all__ = ["Fact", "Inquiry", "Item", "Scored", "ScoringFunction"]
