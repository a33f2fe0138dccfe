"""The pages, an area a module: each has ``ROUTES``, which :mod:`zorgid_card.web.app` joins."""
