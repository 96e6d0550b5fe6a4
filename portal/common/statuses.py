"""HTTP statuses that pages answer with, where the standard library's names are longer than what they say."""

# A form that was sent is not right; its page comes again and says what to mend.
INVALID = 422
