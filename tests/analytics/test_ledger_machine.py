"""Any order of holds, claims, settlements, releases and sweeps leaves the books right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from analytics import ledger
from analytics.lookup import Connection
from analytics.models import Attempt, Budget, BudgetWindow
from analytics.values import Held, Hold, Origin
from tests.analytics import books
from tests.analytics.books import Book

CAPS = (Decimal(3), Decimal("7.5"), Decimal(20))
MONTHS = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3)]

amounts = st.decimals(min_value=0, max_value=4, places=12)
choices = st.lists(st.sampled_from(range(len(CAPS))), unique=True, max_size=3)


class Books(RuleBasedStateMachine):
    """`expected` remembers what each attempt must have ended as, as told by the verbs' answers."""

    connection: ClassVar[Connection]
    attempts = Bundle[UUID]("attempts")

    @initialize()
    def opened(self) -> None:
        self.book = Book.open()
        self.budgets: list[Budget] = [self.book.budget(cap) for cap in CAPS]
        self.origins = [self.book.origin() for _ in range(3)]
        self.ended: dict[UUID, Decimal] = {}
        self.papers: dict[UUID, tuple[Origin, Hold]] = {}
        self.guessed: set[UUID] = set()
        self.overrun = Decimal(0)
        self.count = 0

    @rule(
        target=attempts,
        amount=amounts,
        chosen=choices,
        month=st.sampled_from([0, 1]),
        request=st.sampled_from([0, 1, 2]),
        lease_s=st.sampled_from([-1.0, 60.0]),
    )
    def hold(
        self, amount: Decimal, chosen: list[int], month: int, request: int, lease_s: float
    ) -> UUID | MultipleResults[UUID]:
        self.count += 1
        starts, ends = MONTHS[month], MONTHS[month + 1]
        spans = [books.span(self.budgets[one], starts, ends) for one in chosen]
        wanted = books.hold(amount, *spans, number=self.count, lease_s=lease_s)
        self.papers[wanted.attempt_id] = self.origins[request], wanted
        answer = ledger.hold(self.connection, self.origins[request], wanted)
        return wanted.attempt_id if answer == Held() else multiple()

    @rule(chosen=st.lists(attempts, min_size=1, max_size=4), lease_s=st.sampled_from([-1.0, 60.0]))
    def claim(self, chosen: list[UUID], lease_s: float) -> None:
        claimed = ledger.claim(self.connection, chosen, worker="w", lease_s=lease_s)
        assert not claimed & self.ended.keys()

    @rule(chosen=st.lists(attempts, min_size=1, max_size=4))
    def renew(self, chosen: list[UUID]) -> None:
        assert ledger.renew(self.connection, chosen, lease_s=60) == set(chosen) - self.ended.keys()

    @rule(told=st.lists(st.tuples(attempts, amounts), min_size=1, max_size=5))
    def settle(self, told: list[tuple[UUID, Decimal]]) -> None:
        first = dict(reversed(told))
        held = dict(Attempt.objects.filter(pk__in=first).values_list("pk", "amount"))
        settled = ledger.settle(self.connection, [books.settlement(*each) for each in told])
        assert settled == first.keys() - self.ended.keys()
        self.ended |= {attempt: first[attempt] for attempt in settled}
        self.overrun += sum((max(Decimal(0), first[a] - held[a]) for a in settled), Decimal(0))

    @rule(chosen=st.lists(attempts, min_size=1, max_size=4))
    def release(self, chosen: list[UUID]) -> None:
        released = ledger.release(self.connection, chosen)
        assert released == set(chosen) - self.ended.keys()
        self.ended |= dict.fromkeys(released, Decimal(0))

    @rule()
    def sweep(self) -> None:
        late = dict(
            Attempt.objects.filter(
                state__in=["held", "running"], lease_until__lte=datetime.now(UTC)
            ).values_list("pk", "amount")
        )
        running = set(
            Attempt.objects.filter(pk__in=late, state="running").values_list("pk", flat=True)
        )
        swept = ledger.sweep(self.connection, open_limit_s=timedelta(days=1).total_seconds())
        assert (swept.settled, swept.released) == (len(running), len(late) - len(running))
        self.ended |= {
            attempt: amount if attempt in running else Decimal(0)
            for attempt, amount in late.items()
        }
        self.guessed |= late.keys()

    @rule(chosen=attempts, cost=amounts)
    def adopt(self, chosen: UUID, cost: Decimal) -> None:
        """What the sweeper ended, its worker may still put right, once."""
        origin, hold = self.papers[chosen]
        told = books.settlement(chosen, cost)
        booked = ledger.adopt(self.connection, origin, hold, told)
        assert bool(booked) == (chosen in self.guessed)
        if booked:
            self.guessed.remove(chosen)
            self.overrun += max(Decimal(0), cost - self.ended[chosen])
            self.ended[chosen] = cost

    @rule(target=attempts, amount=amounts, chosen=choices, request=st.sampled_from([0, 1, 2]))
    def adopt_lost(self, amount: Decimal, chosen: list[int], request: int) -> UUID:
        """A crash of the database lost the hold while its worker ran."""
        self.count += 1
        spans = [books.span(self.budgets[one], *MONTHS[:2]) for one in chosen]
        lost = books.hold(amount, *spans, number=self.count, attempt_id=uuid4())
        self.papers[lost.attempt_id] = self.origins[request], lost
        told = books.settlement(lost.attempt_id, amount)
        assert ledger.adopt(self.connection, self.origins[request], lost, told) == "settlement"
        self.ended[lost.attempt_id] = amount
        self.overrun += amount
        return lost.attempt_id

    @invariant()
    def agrees(self) -> None:
        assert ledger.checks(self.connection) == []
        own = BudgetWindow.objects.filter(budget__in=self.budgets)
        for window in own.select_related("budget"):
            assert window.settled + window.held <= window.budget.limit_usd + self.overrun
        costs = dict(Attempt.objects.filter(pk__in=self.ended).values_list("pk", "cost"))
        assert costs == self.ended


@pytest.mark.timeout(120)
def test_any_order_of_verbs(connection: Connection) -> None:
    Books.connection = connection
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
