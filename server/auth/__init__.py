"""Who may come in, to every route.

`middleware` asks everyone: `token_store` checks tokens, `oauth` (of an `identity_provider`) those
of an identity provider, `sign_in_links` the links of browsers (`sign_in_page`), `origin` which
pages may call. `principal` is who came in and what they may do. `rate_limit`, `body_limit` and
`connection_limit` bound what strangers use.
"""
