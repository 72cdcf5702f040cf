"""Allows an account one operation on the topics or groups whose names begin with a prefix.

    allow.py BROKERS USER {TOPIC,GROUP} PREFIX {READ,DESCRIBE}
"""

import sys

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)


def main(brokers, user, resource, prefix, operation):
    binding = AclBinding(
        ResourceType[resource],
        prefix,
        ResourcePatternType.PREFIXED,
        f"User:{user}",
        "*",
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )
    admin = AdminClient({"bootstrap.servers": brokers})
    for granted in admin.create_acls([binding]).values():
        granted.result()


if __name__ == "__main__":
    main(*sys.argv[1:])
