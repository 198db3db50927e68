"""What a case is found by: words, reasons, and what its alerts share with others (device, address, instrument).

Words that are plain elsewhere (ids, merchants, reason codes) are kept as they are, and found by their beginnings. Words
of notes and files are personal: they are kept as keyed digests, and found whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, delete, false, or_, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.vault import Vault
from fraudray.domain.case import CaseSummary
from fraudray.domain.decision import Decision
from fraudray.domain.transaction import Transaction
from fraudray.domain.words import query_words, words_of

_LAST = "\U0010ffff"
KINDS = ("device", "address", "instrument", "email")


def shared_values(tx: Transaction) -> dict[str, str]:
    """By kind, what a transaction may share with those of other customers."""
    named = {"device": tx.device_key, "address": tx.ip_address, "instrument": tx.instrument_id, "email": tx.email}
    return {kind: value for kind, value in named.items() if value}


class CaseIndex:
    """Writes what cases are found by, in the batch of what it stands for."""

    def __init__(self, rows: Rows, vault: Vault) -> None:
        self._rows, self._vault = rows, vault

    def alert(self, case_id: str, decision: Decision, tx: Transaction) -> None:
        """A decision that is in the case."""
        codes = [reason.code for reason in decision.reasons]
        texts = (case_id, decision.customer_id, decision.transaction_id, tx.merchant or "", *codes)
        for word in {word for text in texts for word in words_of(text)}:
            self._rows.know(t.case_words, {"word": word, "case_id": case_id})
        for code in codes:
            self._rows.know(t.case_reasons, {"code": code, "case_id": case_id})
        for kind, value in shared_values(tx).items():
            self._rows.know(t.case_keys, {"blind": self.blind_key(kind, value), "case_id": case_id, "kind": kind})

    def opened(self, case: CaseSummary) -> None:
        """A case that no decision opened."""
        texts = (case.case_id, case.customer_id, case.merchant or "", *case.reasons)
        for word in {word for text in texts for word in words_of(text)}:
            self._rows.know(t.case_words, {"word": word, "case_id": case.case_id})
        for code in case.reasons:
            self._rows.know(t.case_reasons, {"code": code, "case_id": case.case_id})

    def written(self, case_id: str, texts: Iterable[str]) -> None:
        """What somebody wrote on the case."""
        for word in {word for text in texts for word in words_of(text)}:
            self._rows.know(t.case_blind_words, {"blind": self._blind_word(word), "case_id": case_id})

    def forget(self, connection: Connection, customer_id: str) -> None:
        """The customer is erased: what was written, and what is shared, finds nothing any more."""
        own = select(t.cases.c.case_id).where(t.cases.c.customer_id == customer_id)
        for table in (t.case_blind_words, t.case_keys):
            connection.execute(delete(table).where(table.c.case_id.in_(own)))

    def matching(self, text: str) -> list[ColumnElement[bool]]:
        """What holds of a case that has every word of a query; of none, where the query has no word."""
        return [self._having(word) for word in query_words(text)] or [false()]

    def blind_key(self, kind: str, value: str) -> bytes:
        """A device, address, instrument or e-mail address as it is kept."""
        return self._vault.blind_index(f"case/{kind}", value)

    def _having(self, word: str) -> ColumnElement[bool]:
        w, b = t.case_words.c, t.case_blind_words.c
        plain = select(w.case_id).where(and_(w.word >= word, w.word < word + _LAST))
        personal = select(b.case_id).where(b.blind == self._blind_word(word))
        return or_(t.cases.c.case_id.in_(plain), t.cases.c.case_id.in_(personal))

    def _blind_word(self, word: str) -> bytes:
        return self._vault.blind_index("case/word", word)
