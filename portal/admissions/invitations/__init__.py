"""Who is approved beforehand: by an invitation to an address, or by a referral code."""
