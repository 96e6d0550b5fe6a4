"""The mail to an address that staff has approved beforehand."""

from portal.admissions.models import PreApproval
from portal.common import mail


def invite(pre_approval: PreApproval, *, token: str) -> None:
    """The link to the programme; the token stands nowhere else."""
    programme = pre_approval.programme
    mail.send(
        "pre_approved",
        to=pre_approval.email,
        subject=f"You are invited to {programme.name}",
        context={
            "programme": programme,
            "email": pre_approval.email,
            "expires_at": pre_approval.expires_at,
            "path": f"/invited/{token}/",
        },
    )
