"""Lets an account read topics and use consumer groups.

Usage: grant.py BROKERS USER TOPIC_PREFIX GROUP_PREFIX
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
    brokers, user, topics, groups = sys.argv[1:]
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
        for resource, prefix, operation in [
            (ResourceType.TOPIC, topics, AclOperation.READ),
            (ResourceType.TOPIC, topics, AclOperation.DESCRIBE),
            (ResourceType.GROUP, groups, AclOperation.READ),
        ]
    ]
    admin = AdminClient({"bootstrap.servers": brokers})
    for granted in admin.create_acls(bindings).values():
        granted.result()


main()
