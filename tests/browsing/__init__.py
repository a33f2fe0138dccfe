"""What the browser tests stand on: the portal's place on the network, its process, the desk with reader and agent, the browser."""
