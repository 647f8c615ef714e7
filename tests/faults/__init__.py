"""What goes wrong on the way, against the real process over real sockets."""
