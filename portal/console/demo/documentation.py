"""What the demonstration's staff answer in the EU's documentation form; what nobody knows stays empty."""

from portal.releases.cards.fields import PROVENANCES, TEXT

_WEB, _, _, _PUBLIC, _SYNTHETIC, _ = PROVENANCES

ANSWERS = {
    "provider": "Example Institute (a demonstration; Hugging Face trained the model)",
    "union_release_date": "N/A: a demonstration is not placed on the market.",
    "design": (
        "A small dense transformer, trained on far more tokens than its size would call for, so that it is "
        "useful on devices."
    ),
    "use_policy": "The use policy of the early access programme, which everybody agrees to who applies.",
    "systems": "Chat assistants and tools for rewriting, on a device, with a person who reads the answers.",
    "software": "vLLM, transformers or llama.cpp in a version that knows the Llama architecture.",
    "data_types": TEXT,
    "data_provenance": f"{_WEB}\n{_PUBLIC}\n{_SYNTHETIC}",
    "data_points": "2 trillion tokens of pre-training, as published by Hugging Face.",
    "data_curation": (
        "Web pages were chosen by classifiers for educational value (FineWeb-Edu) and for likeness to "
        "instructions (DCLM); code by its licence (The Stack). Details are in arXiv 2502.02737."
    ),
    "training_computation": "1.6e21 floating point operations",
    "training_method": (
        "Estimated as 6 times 135 million parameters times 2 trillion tokens; fine-tuning is not counted."
    ),
}
