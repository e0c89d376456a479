"""Coarse-to-fine self-ask, a reconstruction: stages and prompts, shared by the setting `cfsa` and the tool `cfsa`."""
