AUDIT (
  name no_grave_signature_fails
);

SELECT
  signature
FROM @this_model
WHERE
  CASE
    WHEN is_failing AND is_grave AND NOT @VAR('allow_grave_signatures')
    THEN @FAIL(
      'The result is not to be trusted, ' || title || ': ' || value::TEXT || ', limit ' || threshold::TEXT || '. ' || advice || ' To go on all the same, set allow_grave_signatures: true in config.yaml.'
    )
    ELSE FALSE
  END;

AUDIT (
  name no_signature_fails,
  blocking FALSE
);

SELECT
  signature,
  value,
  threshold
FROM @this_model
WHERE
  is_failing