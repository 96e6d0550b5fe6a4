"""What an evaluation tells others."""

from django.dispatch import Signal

# Sent by EvaluationRun with `run`, in the transaction in which its result is signed and it ends.
concluded = Signal()
