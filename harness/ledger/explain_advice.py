"""First step, second step and never, by class: the decision table of the interface notes (4.4)."""

from __future__ import annotations

from harness.i18n import tr

Steps = tuple[str, str, str]
"""First step, second step, and what never to do."""


def advices() -> dict[str, str]:
    """First step, second step and never, by class, in the language of the run."""
    steps = _one_sided() | _pairs() | _rest()
    return {
        name: tr("First: {first}. Then: {second}. Never: {never}.", first=a, second=b, never=c)
        for name, (a, b, c) in steps.items()
    }


def _one_sided() -> dict[str, Steps]:
    """Steps for rows that stand on one side."""
    return {
        "his_only": (
            tr("look in the log for a call without an answer and query the centre again"),
            tr("settle again with a new msgid, or turn the bill into self-pay with the patient"),
            tr("delete the row"),
        ),
        "centre_only": (
            tr("query the settlement; if nobody was charged, reverse it by its msgid (2601)"),
            tr("query again; still there: 2208/2305; if the patient paid: book it in the HIS"),
            tr("make up amounts, or reverse with a guessed msgid"),
        ),
        "refund_unmatched": (
            tr("query the original; book the missing half: the HIS refund, or 2208/2305 again"),
            tr("refund the cash part and reconcile again"),
            tr("settle again before the refund is booked"),
        ),
        "refund_pair_one_side": (
            tr("check that nothing was paid out: the two rows cancel each other"),
            tr("book the same two rows on the other side, or note the pair as explained"),
            tr("reverse once more"),
        ),
        "same_person_twice_his_only": (
            tr("ask the cashier whether the patient was charged twice"),
            tr("void the surplus bill in the HIS and pay the money back"),
            tr("settle it at the centre as well"),
        ),
    }


def _pairs() -> dict[str, Steps]:
    """Steps for pairs that differ and duplicates."""
    return {
        "amount_mismatch": (
            tr("compare all parts of the bill and find the first one that is wrong"),
            tr("take the insurance parts from the centre and the cash from the HIS"),
            tr("overwrite both sides"),
        ),
        "swapped_parts": (
            tr("check which column the interface fills with which part"),
            tr("correct the mapping and store the centre's values"),
            tr("correct single rows by hand and leave the mapping"),
        ),
        "partial_refund_differs": (
            tr("list the chain: original, reversal, new settlement"),
            tr("book what is missing in the chain, old to new"),
            tr("book only the difference"),
        ),
        "duplicate_his": (
            tr("keep the row that the centre confirms"),
            tr("void the other one in the HIS and check the cash"),
            tr("void both"),
        ),
        "duplicate_centre": (
            tr("keep the settlement that the HIS holds"),
            tr("reverse the other one: query, then 2208/2305 by its setl_id"),
            tr("reverse both"),
        ),
        "id_suspect": (
            tr("compare the two ids with the answer of the settlement in the log"),
            tr("store the centre's setl_id unchanged, as text"),
            tr("reverse the one and settle again"),
        ),
        "state_differs": (
            tr("query the state of the settlement at the centre"),
            tr("book the refund in the HIS, or send the same reversal once more"),
            tr("send a reversal while the last one has no answer"),
        ),
        "other_person": (
            tr("stop: check the person on both sides against the card reader's log"),
            tr("reverse and settle again for the right person"),
            tr("change the person's number in the ledger"),
        ),
        "wrong_category": (
            tr("take clearing type and insurance from the answer of the settlement"),
            tr("put the row into the right bucket; no money moves"),
            tr("reverse"),
        ),
        "detail_differs": (
            tr("list the fee lines of both sides and find the first that differs"),
            tr("correct the mapping or the lines; to change the centre's, reverse and upload anew"),
            tr("upload on top of the old lines"),
        ),
    }


def _rest() -> dict[str, Steps]:
    """Steps for everything else."""
    return {
        "ambiguous": (
            tr("look at all candidates; they are equally good"),
            tr("decide by the log or the receipt and note the decision"),
            tr("close it by guessing"),
        ),
        "group": (
            tr("check that these rows are one bill"),
            tr("note the group as one settlement"),
            tr("reverse single rows of it"),
        ),
        "carried": (
            tr("wait for the next day's ledger"),
            tr("after the grace period treat it as one-sided"),
            tr("repair it today"),
        ),
        "rejected": (
            tr("read the line in the file and correct the export"),
            tr("reconcile again"),
            tr("leave it out"),
        ),
        "channel_only": (
            tr("query the order at the payment channel and at the centre (6301)"),
            tr("finish the settlement, or refund through the channel (6203)"),
            tr("settle again without a query"),
        ),
        "channel_missing": (
            tr("query the order at the payment channel"),
            tr("collect the cash part, or correct the way of payment in the HIS"),
            tr("refund through the channel"),
        ),
    }
