"""What a model is asked in each setting: user, caption, cot and cfsa."""
