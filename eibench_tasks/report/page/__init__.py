"""`eibench report`: one HTML file that shows runs side by side and every sample that they logged."""
