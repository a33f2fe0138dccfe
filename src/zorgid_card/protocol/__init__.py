"""What is said to a card: exchanges without I/O, one function for each logical operation.

* :mod:`~zorgid_card.protocol.iso7816`: files, PINs and signatures of ISO/IEC 7816-4 and -8.
* :mod:`~zorgid_card.protocol.piv`: the PIV card application, SP 800-73-5 part 2.
* :mod:`~zorgid_card.protocol.yubico`: the personalisation dialect that SP 800-73-5 leaves open.
* :mod:`~zorgid_card.protocol.pkcs15`: finding keys, certificates and PINs by ISO/IEC 7816-15.
* :mod:`~zorgid_card.protocol.signature`: what is hashed and padded before a card signs it.

An exchange yields :class:`~zorgid_card.codec.apdu.CommandAPDU` and is sent
:class:`~zorgid_card.codec.apdu.ResponseAPDU`; :meth:`zorgid_card.codec.link.Link.run` drives it. Whatever
a card answers, an exchange returns a checked value or raises an error of :mod:`zorgid_card.errors`, after
bounded work.
"""
