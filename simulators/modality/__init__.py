"""DICOM modalities: devices as data, their images, and a whole examination."""
