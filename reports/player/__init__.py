"""Talking heads in a page: our own WebGL2 player, which opens from disk and needs no network."""

from reports.player.clips import write_clip, write_player
from reports.player.view import ClipView, PlayerFiles, Track

__all__ = ["ClipView", "PlayerFiles", "Track", "write_clip", "write_player"]
