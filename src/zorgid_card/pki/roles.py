"""Role codes of the UZI register (CPS UZI-register, annex 3): the codes are fixed, the names may vary in
wording.
"""

from __future__ import annotations

from collections.abc import Mapping

NO_ROLE = "00.000"
"""The role field of passes that name no profession (types N, M and S)."""

PROFESSIONS: Mapping[str, str] = {
    "01": "Arts",
    "02": "Tandarts",
    "03": "Verloskundige",
    "04": "Fysiotherapeut",
    "16": "Psychotherapeut",
    "17": "Apotheker",
    "25": "Gezondheidszorgpsycholoog",
    "30": "Verpleegkundige",
    "31": "Orthopedagoog-generalist",
    "79": "Geregistreerd-mondhygiënist",
    "80": "Bachelor medisch hulpverlener",
    "81": "Physician assistant",
    "82": "Klinisch technoloog",
    "83": "Apothekersassistent",
    "84": "Klinisch fysicus",
    "85": "Tandprotheticus",
    "86": "VIG-er",
    "87": "Optometrist",
    "88": "Huidtherapeut",
    "89": "Diëtist",
    "90": "Ergotherapeut",
    "91": "Logopedist",
    "92": "Mondhygiënist",
    "93": "Oefentherapeut Mensendieck",
    "94": "Oefentherapeut Cesar",
    "95": "Orthoptist",
    "96": "Podotherapeut",
    "97": "Radiodiagnostisch laborant",
    "98": "Radiotherapeutisch laborant",
    "99": "Zorgverlener andere zorg",
}

SPECIALISMS: Mapping[str, str] = {
    "01.002": "Allergoloog",
    "01.003": "Anesthesioloog",
    "01.004": "Apotheekhoudend huisarts",
    "01.008": "Bedrijfsarts",
    "01.010": "Cardioloog",
    "01.011": "Cardiothoracaal chirurg",
    "01.012": "Dermatoloog",
    "01.013": "Arts v. maag-darm-leverziekten",
    "01.014": "Chirurg",
    "01.015": "Huisarts",
    "01.016": "Internist",
    "01.018": "Keel- neus- en oorarts",
    "01.019": "Kinderarts",
    "01.020": "Arts klinische chemie",
    "01.021": "Klinisch geneticus",
    "01.022": "Klinisch geriater",
    "01.023": "Longarts",
    "01.024": "Arts-microbioloog",
    "01.025": "Neurochirurg",
    "01.026": "Neuroloog",
    "01.030": "Nucleair geneeskundige",
    "01.031": "Oogarts",
    "01.032": "Orthopedisch chirurg",
    "01.033": "Patholoog",
    "01.034": "Plastisch chirurg",
    "01.035": "Psychiater",
    "01.039": "Radioloog",
    "01.040": "Radiotherapeut",
    "01.041": "Reumatoloog",
    "01.042": "Revalidatiearts",
    "01.045": "Uroloog",
    "01.046": "Gynaecoloog",
    "01.047": "Specialist ouderengeneeskunde",
    "01.048": "Verzekeringsarts",
    "01.050": "Zenuwarts",
    "01.055": "Arts maatschappij en gezondheid",
    "01.056": "Arts voor verstandelijk gehandicapten",
    "01.062": "Internist-allergoloog",
    "01.070": "Jeugdarts",
    "01.071": "Spoedeisende hulp arts",
    "01.074": "Sportarts",
    "02.053": "Orthodontist",
    "02.054": "Kaakchirurg",
    "17.060": "Ziekenhuisapotheker",
    "17.075": "Openbaar apotheker",
    "25.061": "Klinisch psycholoog",
    "25.063": "Klinisch neuropsycholoog",
    "30.065": "Verpl. spec. prev. zorg bij som. aandoeningen",
    "30.066": "Verpl. spec. acute zorg bij som. aandoeningen",
    "30.067": "Verpl. spec. intensieve zorg bij som. aandoeningen",
    "30.068": "Verpl. spec. chronische zorg bij som. aandoeningen",
    "30.069": "Verpl. spec. geestelijke gezondheidszorg",
    "30.076": "Verpl. spec. algemene gezondheidszorg",
}


def role_name(code: str) -> str | None:
    """The Dutch name of role ``NN.NNN``: the specialism's, else the profession's; None for ``00.000`` and for
    codes not listed here.

    A code that is not listed is not an error: the register adds codes.
    """
    return SPECIALISMS.get(code) or PROFESSIONS.get(code[:2])
