"""What reviewers do beside deciding: claims, notes, scores, messages, and a second one's consent."""
