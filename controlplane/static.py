"""Hashed and compressed static files whose ES modules import each other by relative path."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's manifest storage with rewriting of ES-module imports switched on."""

    support_js_module_import_aggregation = True
    # Third-party bundles are served as they are: their source maps are not shipped.
    manifest_strict = False
