"""The command line: wires adapters and the testkit to workflows, and speaks with people. It decides nothing itself."""
