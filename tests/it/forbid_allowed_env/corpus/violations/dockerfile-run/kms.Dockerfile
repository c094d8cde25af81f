FROM kms
RUN set -e; \
    echo ALLOWED_MRTD=abc >> /etc/environment
