"""The end of an account.

Owns no table: it has every other room forget the person in one transaction, and room `deletions` have
the other services and the user pool forget them, too. A new sign-up with the same e-mail is a new
person. No events go in or out.
"""
