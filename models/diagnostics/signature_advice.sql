MODEL (
  name tacos_internal.signature_advice,
  kind SEED (
    path '$root/seeds/signature_advice.csv'
  ),
  description 'One row per failure signature: how it is called, what it is measured in, and what to do where it fails.',
  columns (
    signature TEXT,
    check_no INT,
    title TEXT,
    unit TEXT,
    advice TEXT
  ),
  column_descriptions (
    signature = 'The failure signature.',
    check_no = 'Its place in the order of the stages, from 1.',
    title = 'What is measured, in a few words.',
    unit = 'share (0 to 1), agreement (adjusted Rand index, at most 1), points (of 100), correlation (-1 to 1) or score (1 to 100).',
    advice = 'One sentence on what to do.'
  ),
  grain signature,
  audits (
    UNIQUE_VALUES(columns := (
      signature
    )),
    NOT_NULL(columns := (signature, check_no, title, unit, advice))
  ),
  tags (
    diagnostics
  )
)