"""What the owner of a batch does next, once it has ended."""

from playground.batches.models import Batch, BatchStatus

ASK_AGAIN = "Ask again, in a new file, the requests whose custom_ids stand in the file of errors."
ADVICE = {
    BatchStatus.EXPIRED: f"Its time was over before every request was asked. {ASK_AGAIN}",
    BatchStatus.CANCELLED: "What was answered is kept. What was not asked stands in the file of errors.",
}


def advice(batch: Batch) -> str:
    """The next step in words; "" while the batch is live, or when there is nothing left to do.

    >>> advice(Batch(status=BatchStatus.IN_PROGRESS))
    ''
    >>> advice(Batch(status=BatchStatus.FAILED))
    'Nothing was asked, and nothing counts. Put right what stands below, and send the file again.'
    """
    if not batch.was_asked and batch.status == BatchStatus.FAILED:
        return "Nothing was asked, and nothing counts. Put right what stands below, and send the file again."
    if not batch.was_asked and not batch.is_live:
        return "Nothing was asked, and nothing counts. Send the file again if you want it answered."
    if batch.status == BatchStatus.FAILED:
        return f"It may not go on, for the reason below; what was answered is kept. Put it right. {ASK_AGAIN}"
    if batch.status == BatchStatus.COMPLETED and batch.failed_count:
        return f"The file of errors says why, for each request that failed. {ASK_AGAIN}"
    return ADVICE.get(BatchStatus(batch.status), "")
