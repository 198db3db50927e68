"""Who carries mail, SMS and reports outside, as the settings say. AWS is imported only where it is set."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from fraudray.adapters.folder import FolderMailer, FolderSms
from fraudray.adapters.smtp import SmtpMailer
from fraudray.domain.errors import SettingsError
from fraudray.ports.messages import Mailer, SmsSender
from fraudray.ports.reports import ReportShelf
from fraudray.settings import Settings

if TYPE_CHECKING:
    from fraudray.adapters.aws.session import Aws


def open_mailer(settings: Settings) -> Mailer:
    """What sends alerts. Raises SettingsError naming what is missing."""
    match settings.mails_by:
        case "folder":
            return FolderMailer(settings.mail_dir)
        case "ses":
            aws = _aws(settings, "mail_by = ses")
            from fraudray.adapters.aws.ses import SesMailer

            return SesMailer(aws)
    if settings.smtp_host is None:
        raise SettingsError("mail_by = smtp needs smtp_host (FRAUDRAY_SMTP_HOST)")
    if settings.smtp_password is not None and settings.smtp_user is None:
        raise SettingsError("smtp_password is of no use without smtp_user (FRAUDRAY_SMTP_USER)")
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    return SmtpMailer(
        settings.smtp_host, settings.smtp_port, starttls=settings.smtp_starttls, user=settings.smtp_user,
        password=password, timeout_s=settings.smtp_timeout_s, ca_file=settings.smtp_ca_file,
    )  # fmt: skip


def open_sms(settings: Settings) -> SmsSender:
    """What sends SMS to customers. Raises SettingsError naming what is missing."""
    if settings.sms_by == "folder":
        return FolderSms(settings.mail_dir)
    aws = _aws(settings, "sms_by = sns")
    from fraudray.adapters.aws.sns import SnsSms

    return SnsSms(aws, sender_id=settings.sms_sender_id)


def open_shelf(settings: Settings) -> ReportShelf | None:
    """Where reports are put beside the database; None when nowhere. Raises SettingsError naming what is missing."""
    if settings.reports_bucket is None:
        if settings.reports_kms_key is not None:
            raise SettingsError("reports_kms_key is of no use without reports_bucket (FRAUDRAY_REPORTS_BUCKET)")
        return None
    aws = _aws(settings, "reports_bucket")
    from fraudray.adapters.aws.s3 import S3Shelf

    return S3Shelf(
        aws, bucket=settings.reports_bucket, prefix=settings.reports_prefix, link_s=settings.reports_link_s,
        kms_key=settings.reports_kms_key,
    )  # fmt: skip


def _aws(settings: Settings, needed_by: str) -> Aws:
    if find_spec("boto3") is None:
        raise SettingsError(f"{needed_by} needs boto3: pip install 'fraudray[aws]'")
    from fraudray.adapters.aws.session import Aws

    return Aws(settings.aws_region, settings.aws_endpoint_url, settings.aws_timeout_s, needed_by)
