"""Numbers out of judgements. Shares are in percent, as published; NaN where there is nothing to count."""
