"""The demonstration's safety policy."""

from portal.accounts.models import User
from portal.releases.safety import policies
from portal.releases.safety.policies import Terms

BEFORE = Terms("Demonstration: nothing is demanded until there are weights")


def begin(*, by: User) -> None:
    """Put a policy in force under which it opens before it has weights; leave another alone."""
    if policies.in_force() is None:
        policies.put_in_force(BEFORE, by=by)
