"""Takes the rights of an account on topics or consumer groups away, or the account itself.

Usage: revoke.py BROKERS USER topic|group PREFIX
       revoke.py BROKERS USER account
"""

import sys

from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
)

RESOURCES = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}


def main():
    brokers, user, what, *prefix = sys.argv[1:]
    admin = AdminClient({"bootstrap.servers": brokers})
    if what == "account":
        deletion = UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512)
        results = admin.alter_user_scram_credentials([deletion])
    else:
        rights = AclBindingFilter(
            RESOURCES[what],
            prefix[0],
            ResourcePatternType.PREFIXED,
            f"User:{user}",
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        results = admin.delete_acls([rights])
    for result in results.values():
        result.result()


main()
