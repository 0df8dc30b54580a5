"""What an output says of where it comes from: recipe, model card, metadata, attestation. Errors: MC083x."""
