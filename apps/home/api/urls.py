from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from apps.core.web.views import public

urlpatterns = [path("schema", public(SpectacularAPIView.as_view(permission_classes=[])), name="api-schema")]
