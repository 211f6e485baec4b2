from odoo.tests import TransactionCase

from ..models import move_events


class ChangesTest(TransactionCase):
    """What leads from one state to another, without the way there."""

    def changes(self, before, after, kind="out_invoice"):
        names = ("state", "payment_state", "due", "posted_before", "total")
        rows = [
            {**dict(zip(names, row, strict=True)), "move_type": kind}
            for row in (before, after)
        ]
        return move_events.changes_of(*rows)

    def test_each_transition_has_its_events(self):
        draft = ("draft", "not_paid", "0.0", False, "5.0")
        again = ("draft", "not_paid", "5.0", True, "5.0")
        posted = ("posted", "not_paid", "5.00", True, "5.0")
        part = ("posted", "partial", "3.0", True, "5.0")
        less = ("posted", "partial", "2.0", True, "5.0")
        paying = ("posted", "in_payment", "0.0", True, "5.0")
        paid = ("posted", "paid", "0.00", True, "5.0")
        blocked = ("posted", "blocked", "5.0", True, "5.0")
        cancelled = ("cancel", "not_paid", "5.0", True, "5.0")
        free = ("posted", "paid", "0.0", True, "0.0")
        created = "invoice.created"
        payment = "invoice.payment_status_updated"
        for before, after, wanted in (
            (draft, draft, []),
            (draft, posted, [created]),
            (draft, paid, [created, payment]),
            (draft, free, [created]),
            (posted, posted, []),
            (posted, blocked, []),
            (posted, part, [payment]),
            (part, less, [payment]),
            (less, paying, [payment]),
            (paying, paid, []),
            (paid, posted, [payment]),
            (paid, again, []),
            (again, posted, [created]),
            (posted, cancelled, ["invoice.voided"]),
            (again, cancelled, ["invoice.voided"]),
            (cancelled, again, []),
            (draft, ("cancel", "not_paid", "5.0", False, "5.0"), []),
        ):
            with self.subTest(before=before, after=after):
                self.assertEqual(self.changes(before, after), wanted)

    def test_a_credit_note_tells_of_itself_and_not_of_its_payment(self):
        draft = ("draft", "not_paid", "5.0", False, "5.0")
        posted = ("posted", "not_paid", "5.0", True, "5.0")
        paid = ("posted", "paid", "0.0", True, "5.0")
        kind = "out_refund"

        self.assertEqual(self.changes(draft, paid, kind), ["credit_note.created"])
        self.assertEqual(self.changes(posted, paid, kind), [])
