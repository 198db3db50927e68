"""AWS by setting: mail by SES, SMS by SNS, reports in S3. Only here is boto3 known."""
