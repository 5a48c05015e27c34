"""Sends the state of each peer mentor to the portal: queue, workers, replays, control."""
