"""Lets an account read topics and use consumer groups.

Usage: grant.py BROKERS USER TOPIC_PREFIX [GROUP_PREFIX | --write]

Without a prefix of groups, the account sees the topics and may not read them. With `--write`, it may write to them.
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


def main():
    brokers, user, topics, *groups = sys.argv[1:]
    rights = [(ResourceType.TOPIC, topics, AclOperation.DESCRIBE)]
    if groups == ["--write"]:
        rights.append((ResourceType.TOPIC, topics, AclOperation.WRITE))
        groups = []
    for prefix in groups:
        rights.append((ResourceType.TOPIC, topics, AclOperation.READ))
        rights.append((ResourceType.GROUP, prefix, AclOperation.READ))
    bindings = [
        AclBinding(
            resource,
            prefix,
            ResourcePatternType.PREFIXED,
            f"User:{user}",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for resource, prefix, operation in rights
    ]
    admin = AdminClient({"bootstrap.servers": brokers})
    for granted in admin.create_acls(bindings).values():
        granted.result()


main()
