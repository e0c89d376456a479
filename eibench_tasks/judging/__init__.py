"""Who decides which triggers an answer names: judges, verdicts and judgements."""
